"""Entry of the Python runtime client; all else is in modules, so that the interpreter keeps their bytecode."""
import samd_runtime

samd_runtime.main()
