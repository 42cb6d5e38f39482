"""What belongs to runs whose answer flows: their channel, the bodies that callers send along, and looking again."""
