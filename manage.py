#!/usr/bin/env python
"""The door to both sites: the portal, and (after the word `simulator`) the simulated Microsoft 365.

manage.py migrate                     the portal's database
manage.py simulator                   serve the simulated Microsoft 365
manage.py simulator makemigrations    any Django command, on the simulator's site
"""

from __future__ import annotations

import os
import sys


def main(argv: list[str]) -> None:
    """Pick the site by the first word and hand the rest to Django."""
    settings = "config.settings"
    if argv[1:2] == ["simulator"]:
        settings = "integrations.simulator.settings"
        rest = argv[2:]
        # Options alone mean `serve`: `manage.py simulator --port 9443` reads as one would expect.
        argv = [argv[0], *(rest if rest and not rest[0].startswith("-") else ["serve", *rest])]
    os.environ["DJANGO_SETTINGS_MODULE"] = settings

    from django.core.management import execute_from_command_line

    from config.environment import settings_or_exit

    settings_or_exit()
    execute_from_command_line(argv)


if __name__ == "__main__":
    main(sys.argv)
