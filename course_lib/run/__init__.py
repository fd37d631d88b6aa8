"""The command line: executes notebooks, keeps their results, judges claims, builds the report."""

import sys

# Whoever reads a notebook imports jsonschema, which imports this package where it finds it (JupyterLab brings it), only
# to check international addresses: two seconds at every start, for a check that no notebook needs. jsonschema does without.
sys.modules.setdefault("rfc3987_syntax", None)
