"""The list of operations that a file uses, each with the version it needs."""

from typing import Any

from ai_edge_litert import schema_py_generated as schema


def find_code(file: Any, kind: int, version: int) -> int:
    """Returns the place of an operation in the list of a file, adding it if need be.

    Args:
        file: The file, a `ModelT`.
        kind: A value of `BuiltinOperator`.
        version: The least version of it that a runtime must know.

    Returns:
        What `opcodeIndex` of an operator shall be.
    """
    for index, code in enumerate(file.operatorCodes):
        found = max(code.builtinCode, code.deprecatedBuiltinCode)
        if found == kind and not code.customCode and code.version >= version:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = kind
    # Codes from 127 on do not fit into the old field, which then says so.
    code.deprecatedBuiltinCode = min(
        kind, schema.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES
    )
    code.version = version
    file.operatorCodes.append(code)
    return len(file.operatorCodes) - 1
