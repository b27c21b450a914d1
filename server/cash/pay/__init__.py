"""WeChat Pay v3 as this server uses it: orders paid by people, refunds, transfers to people, notices.

It does not know which orders or bills exist, nor what follows from an answer. The same code talks to WeChat
and to its sandbox; only the base URL and the keys differ.
"""
