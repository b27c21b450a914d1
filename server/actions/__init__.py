"""Every change of state, one verb per file: decide, save, publish. Handlers call them and write to no store.

Below them, `memory/visiting.py` writes the visits of a moment at once, for `digging/visit.py`;
`operation/monitor.py` writes its lease and the alarms; `wechat/tokens.py` writes WeChat's access token.
"""
