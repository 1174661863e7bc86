#!/usr/bin/env python
"""Django's command line: ``up``, ``demo``, ``token``, ``recover`` and what Django brings."""

from webapp.__main__ import main

if __name__ == "__main__":
    main()
