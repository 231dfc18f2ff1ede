"""Events: `rendering` writes them, `reading` takes them in, `listing` finds them, `routes` and `actions` answer."""
