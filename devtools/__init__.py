"""Tools of development: WeChat's sandbox, and a crowd that plays. Production runs without them."""

import server  # noqa: F401 - before Motor is imported, since it sets the number of Motor's threads
