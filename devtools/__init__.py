"""Tools of development: WeChat's sandbox, and a crowd that plays. Production runs without."""
