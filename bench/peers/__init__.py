"""The systems jobctl is measured against. Each `…_app` is a module that submits to one of them."""
