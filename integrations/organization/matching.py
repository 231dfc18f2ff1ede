"""Which mailbox of a directory is somebody's. Pure."""
