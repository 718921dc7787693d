"""The configuration file: one YAML document, checked whole before anything is opened.

Import from the modules: pydantic costs a tenth of a second that most commands need not pay.
"""
