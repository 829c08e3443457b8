"""Any system that makes faces older or younger, judged."""
