"""What tests share. Fixtures of all tests are in stores.py and served.py."""

from pathlib import Path

SOURCE = Path(__file__).parents[2]
