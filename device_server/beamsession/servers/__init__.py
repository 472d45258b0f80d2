"""The programs: each wires ports to engines and owns its processes and threads."""
