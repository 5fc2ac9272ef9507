"""One LibCST codemod a file; each runs alone through ``python -m libcst.tool codemod -x --no-format``."""
