"""Views turned into lines of text: pure functions, no widget in sight."""
