# What the compiler and the linker can do so that a bug of memory stops the process instead of running
# somebody else's code. tests/integration/test_hardening.py looks for it in the executable.
include(CheckCCompilerFlag)
include(CheckCSourceCompiles)

# The highest level of checked functions that this compiler and this C library have together.
set(CMAKE_REQUIRED_FLAGS "-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -Werror")
check_c_source_compiles("
  #include <string.h>
  #if __USE_FORTIFY_LEVEL < 3
  #error this C library has no level 3
  #endif
  int main(void) { return 0; }" CRUDDUR_HAS_FORTIFY_3)
unset(CMAKE_REQUIRED_FLAGS)
set(fortify_level 2)
if(CRUDDUR_HAS_FORTIFY_3)
  set(fortify_level 3)
endif()

add_compile_options(-fstack-protector-strong -fstack-clash-protection)
# Checked functions need an optimising compiler.
add_compile_options($<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE>
                    $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=${fortify_level}>)

# Indirect jumps and returns go only where they may: Intel CET on x86-64, BTI and PAC on AArch64.
foreach(option -fcf-protection=full -mbranch-protection=standard)
  string(MAKE_C_IDENTIFIER "CRUDDUR_HAS${option}" known)
  check_c_compiler_flag("-Werror ${option}" ${known})
  if(${known})
    add_compile_options($<$<COMPILE_LANGUAGE:C>:${option}>)
  endif()
endforeach()

# Anywhere in memory; what the loader filled in is read-only then; no executable stack.
add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack)
