"""Everything a trainer can do, declared once each.

One declaration gives the address and the parameters of the JSON API, the form of the console, and the sentence that
says beforehand what will happen and what will break.
"""
