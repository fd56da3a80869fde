"""Grafana's boards, `k8s/addons/grafana/boards/*.json`: what is on them is said here, once, in PromQL.

.venv/bin/python -m tools.boards
"""
