"""The demo organisation: Halden Bank, told by the same actions and the same files as a user's."""
