"""Who and what is there at the start: YAML files, and what turns them into rows."""
