"""The command line: `beamsession <noun> <verb>`, generated from the verbs."""
