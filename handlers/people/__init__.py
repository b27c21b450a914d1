"""Who somebody is: login, name and picture."""
