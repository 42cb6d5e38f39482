"""The kind `calcom`: agents find free slots and manage bookings through Cal.com's API v2."""
