"""The game: the draw, a dig, amounts, and what must hold. Pure: no loop, no store.

What can happen to a fen, table by table:

1. `order.py`: a publisher pays for a task. The payment opens the task (`spent`; `opening.py` says what then
   happens to the task). A payment that cannot open its task is refunded whole (`unusable`).
2. `prize.py`: a dig wins the fen. The winner claims it, and may have to wait for a limit (`put_off`), for an
   operator (`held`, or `frozen`), or until they confirm.
3. `bill.py`: each claim that the limits approve makes a bill, which is one transfer by WeChat. The bill pays
   (`given`) or fails. After a failure the winner may claim again.
4. `refund.py`: the rest goes back to the publisher. What nobody won goes back when the task ends (`unwon`;
   `opening.py`). What nobody claimed, or an operator denied, goes back after the deadline of claims
   (`unclaimed`).

The ledger gets an entry when a fen is `paid` in, `owed` to a winner, `given` to the winner, or `refunded`.
"""
