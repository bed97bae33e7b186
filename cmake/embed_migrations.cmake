# embed_migrations(TARGET FOLDER): puts every migration file of FOLDER into the executable, as the
# table EMBEDDED_MIGRATIONS of src/lib/migrate/file/migration_set.h. A new file is found at the next build.
function(embed_migrations target folder)
  file(GLOB files CONFIGURE_DEPENDS ${folder}/*.sql)
  file(RELATIVE_PATH shown ${PROJECT_SOURCE_DIR} ${folder})
  set(declarations "")
  set(rows "")
  foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME_WE)
    string(MAKE_C_IDENTIFIER "migration_${name}" symbol)
    embed_file(${target} ${symbol} ${file})
    string(APPEND declarations "extern const unsigned char ${symbol}[];\n"
                               "extern const unsigned long ${symbol}_size;\n")
    string(APPEND rows "    {\"${shown}/${name}.sql\", ${symbol}, &${symbol}_size},\n")
  endforeach()
  list(LENGTH files count)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded_migrations.c)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
/* embedded_migrations.c: the files of @shown@. Generated: edit those. */
#include "lib/migrate/file/migration_set.h"

@declarations@
const struct embedded_migration EMBEDDED_MIGRATIONS[] = {
@rows@    {0},
};
const size_t EMBEDDED_MIGRATION_COUNT = @count@;
]])
  target_sources(${target} PRIVATE ${source})
endfunction()
