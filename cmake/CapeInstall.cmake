# What cmake --install puts where. CapeLayout.cmake says how programs find it.
set(programs cape_farm cape_fit cape_predict)
set(targets ${programs})
if(CAPE_WITH_TORCH)
  list(APPEND targets cape_trainer) # beside cape_farm, which starts it
endif()
list(TRANSFORM targets APPEND _program)
install(TARGETS ${targets} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

install(DIRECTORY configs slurm DESTINATION ${CAPE_DATADIR}
        USE_SOURCE_PERMISSIONS)
install(DIRECTORY data/ DESTINATION ${CAPE_DATADIR} OPTIONAL
        PATTERN ".*" EXCLUDE PATTERN README.md EXCLUDE)
install(PROGRAMS scripts/fetch_datasets.sh
        DESTINATION ${CAPE_DATADIR}/scripts)
install(FILES scripts/datasets.txt DESTINATION ${CAPE_DATADIR}/scripts)

# The Python package, for pip.
install(DIRECTORY python DESTINATION ${CAPE_DATADIR}
        PATTERN tests EXCLUDE PATTERN __pycache__ EXCLUDE)

# The documents, as README.md links to them.
set(documents ${CMAKE_INSTALL_DATAROOTDIR}/doc/cape-farm)
install(DIRECTORY docs DESTINATION ${documents})
install(FILES README.md CONTRIBUTING.md LICENSE CHANGELOG.md CITATION.cff
        DESTINATION ${documents})
install(FILES data/README.md DESTINATION ${documents}/data OPTIONAL)

# Shells look for a file of the program's name.
foreach(program IN LISTS programs)
  install(FILES completions/cape.bash RENAME ${program}
          DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/bash-completion/completions)
  install(FILES completions/cape.fish RENAME ${program}.fish
          DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/fish/vendor_completions.d)
endforeach()
install(FILES completions/_cape
        DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/zsh/site-functions)
