"""What ``benchmarks/regret.py`` makes of its grid."""
from collections.abc import Iterable
from regret_grid import Row
def oracles(rows):
    best={}
    for row in rows:
        if row.test is not None and row.test>best.get(row.set,(-9,))[0]: best[row.set]=(row.test,row.configuration)
    return best
def judge(*a,**k): raise SystemExit("later")
