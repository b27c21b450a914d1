"""What tests share. Fixtures are in conftest.py."""

from pathlib import Path

SOURCE = Path(__file__).parents[2]
