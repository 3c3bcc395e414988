"""`python -m backends.hub`, started by the console or its CLI with settings on stdin."""

from backends.hub.main import main

raise SystemExit(main())
