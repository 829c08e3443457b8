"""Any photo: its faces found and cropped, classified, translated, and pasted back."""
