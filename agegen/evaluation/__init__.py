"""Any system that makes faces older or younger, judged.

By its pictures: `agegen.photos.evaluate_pairs`; as a `Translator`: `evaluate.evaluate`.
"""
