"""``python -m shipper`` is the command ``shipper``."""

from shipper.cli import main

main()
