# Files inside the executable: any file as bytes, and the SQL statements of db/sql as a table.

# embed_file(TARGET SYMBOL PATH): makes `extern const unsigned char SYMBOL[]` and
# `extern const unsigned long SYMBOL_size` of the file, followed by a NUL that does not count.
function(embed_file target symbol path)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embed_${symbol}.S)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
    .section .rodata
    .global @symbol@, @symbol@_size
    .balign 16
@symbol@:
    .incbin "@path@"
0:  .byte 0
    .balign 8
@symbol@_size:
    .quad 0b - @symbol@
    .section .note.GNU-stack, "", %progbits
]])
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${path} COMPILE_OPTIONS "-w")
  target_sources(${target} PRIVATE ${source})
endfunction()

# embed_gzip(TARGET SYMBOL PATH): the same for the file in gzip, compressed at build. Without name and
# time in its head, so that the same file makes the same bytes.
function(embed_gzip target symbol path)
  set(compressed ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.gz)
  add_custom_command(OUTPUT ${compressed} COMMAND gzip -9 -n -c ${path} > ${compressed} DEPENDS ${path} VERBATIM)
  embed_file(${target} ${symbol} ${compressed})
endfunction()

# embed_statements(SQL_FOLDER OUTPUT_FOLDER PAGE_LIMIT NAME...): NAME is resource/verb, a file NAME.sql
# below the folder. Generates statements.h (enum pg_statement: PG_RESOURCE_VERB) and statements.c (their
# text). PAGE_LIMIT is how many rows a page of a list has at most.
function(embed_statements folder output page_limit)
  set(names ${ARGN})
  set(files ${names})
  list(TRANSFORM files PREPEND ${folder}/)
  list(TRANSFORM files APPEND .sql)
  list(JOIN names "," joined)
  add_custom_command(
    OUTPUT ${output}/statements.h ${output}/statements.c
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} -DOUTPUT=${output} -DNAMES=${joined} -DPAGE_LIMIT=${page_limit}
            -P ${PROJECT_SOURCE_DIR}/cmake/generate_statements.cmake
    DEPENDS ${files} ${PROJECT_SOURCE_DIR}/cmake/generate_statements.cmake
    VERBATIM)
  add_custom_target(cruddur_statements DEPENDS ${output}/statements.h)
endfunction()
