"""The fault suite: kills, freezes and overloads a real installation, and counts what was lost or done twice."""
