"""Subscriptions: webhooks of the installation, which get calls about everyone's notifications."""
