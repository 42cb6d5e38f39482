"""How many runs there were, how they ended and how long they took, by hour and by day (docs/overview.md).

Hours that are over are counted once and kept as rows; what is not counted yet is counted when it is asked. So a figure
is exact and costs the same whether an organization made a thousand runs or a million.
"""
