"""Any system that makes faces older or younger, judged: who judges, how, and what of it is evidence."""
