"""natron"""
