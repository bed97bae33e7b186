#!/usr/bin/python3
"""A double of the `aws` command line: `aws` on the PATH of a script under test.

It knows AWS's own description of its services (botocore) and refuses what the real one would
refuse: an operation or option that does not exist, a missing one, JSON of the wrong shape. It answers
out of answers.json ({"ecs describe-services": {…}}, by --query as the real one) and appends each
call to calls.jsonl, both in the folder FAKE_AWS.
"""

import json
import os
import pathlib
import sys

GLOBAL = {"region", "query", "output", "no-cli-pager"}
# Commands that the command line adds to the services' operations: their options, * those required.
CUSTOM = {
    "cloudformation deploy": {"*stack-name", "*template-file", "capabilities", "no-fail-on-empty-changeset",
                              "no-execute-changeset", "tags", "parameter-overrides"},
    "ecr get-login-password": set(),
    "ecs wait services-stable": {"*cluster", "*services"},
    "ecs wait tasks-stopped": {"*cluster", "*tasks"},
    "ecs execute-command": {"*cluster", "*task", "container", "*interactive", "*command"},
    "logs get-log-events": {"*log-group-name", "*log-stream-name", "start-from-head"},
}
FLAGS = {"no-cli-pager", "no-fail-on-empty-changeset", "no-execute-changeset", "interactive", "start-from-head",
         "with-decryption"}


def refuse(message):
    print(f"aws: {message}", file=sys.stderr)
    sys.exit(252)


def parse(arguments):
    """The command's words and its options, each a list of values."""
    words, options, name = [], {}, None
    for argument in arguments:
        if argument.startswith("--"):
            name = argument[2:]
            if name in options:
                refuse(f"--{name} twice")
            options[name] = []
        elif name is None or name in FLAGS:
            words.append(argument)
        else:
            options[name].append(argument)
    for name, values in options.items():
        if (name in FLAGS) != (values == []):
            refuse(f"--{name} has {len(values)} values")
    return words, options


def value_of(text):
    if text.startswith("file://"):
        text = pathlib.Path(text[len("file://"):]).read_text()
    return json.loads(text)


def check_custom(name, options):
    known = {option.lstrip("*") for option in CUSTOM[name]}
    for option in options:
        if option not in known | GLOBAL:
            refuse(f"{name} has no --{option}")
    for option in CUSTOM[name]:
        if option.startswith("*") and option[1:] not in options:
            refuse(f"{name} needs --{option[1:]}")


def check_operation(service, operation, options):
    import botocore.session
    from botocore import xform_name
    from botocore.validate import ParamValidator

    model = botocore.session.get_session().get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in names:
        refuse(f"{service} has no {operation}")
    shape = model.operation_model(names[operation]).input_shape
    members = {xform_name(name, "-"): name for name in shape.members}
    given = {}
    for option, values in options.items():
        if option in GLOBAL:
            continue
        if option == "cli-input-json":
            given.update(value_of(values[0]))
        elif option not in members:
            refuse(f"{service} {operation} has no --{option}")
        else:
            given[members[option]] = convert(shape.members[members[option]], values)
    for container in given.get("containerDefinitions", []):
        policy = container.pop("restartPolicy", None)  # newer than Debian's botocore
        if policy and not (policy.keys() <= {"enabled", "ignoredExitCodes", "restartAttemptPeriod"}
                           and 60 <= policy["restartAttemptPeriod"] <= 1800):
            refuse(f"restartPolicy {policy}")
    report = ParamValidator().validate({key: value for key, value in given.items() if value is not None}, shape)
    errors = report.generate_report()
    if errors:
        refuse(errors)


def convert(shape, values):
    """An option's value as the service takes it; None for shorthand, which is left unchecked."""
    kind = shape.type_name
    if kind == "boolean":
        return True
    if kind in ("integer", "long"):
        return int(values[0])
    if kind == "list" and shape.member.type_name == "string":
        return values
    if kind in ("structure", "list", "map"):
        return value_of(values[0]) if values[0][0] in "[{" or values[0].startswith("file://") else None
    return values[0]


def show(answer, options):
    import jmespath

    if "query" in options:
        answer = jmespath.search(options["query"][0], answer)
    if options.get("output") != ["text"]:
        print(json.dumps(answer))
        return
    rows = answer if isinstance(answer, list) else [answer]
    for row in rows:
        print("\t".join(str(cell) for cell in row) if isinstance(row, list) else str(row))


def main():
    folder = pathlib.Path(os.environ["FAKE_AWS"])
    words, options = parse(sys.argv[1:])
    name = " ".join(words)
    if "region" not in options:
        refuse("You must specify a region")
    if name in CUSTOM:
        check_custom(name, options)
    elif len(words) == 2:
        check_operation(words[0], words[1], options)
    else:
        refuse(f"unknown command '{name}'")
    files = {option: pathlib.Path(values[0][len("file://"):]).read_text() for option, values in options.items()
             if values and values[0].startswith("file://")}
    with open(folder / "calls.jsonl", "a", encoding="utf-8") as calls:
        print(json.dumps({"command": name, "options": options, "files": files}), file=calls)
    answers = json.loads((folder / "answers.json").read_text())
    answer = answers.get(name, {})
    if isinstance(answer, dict) and "fails" in answer:
        print(answer["fails"], file=sys.stderr)
        sys.exit(255)
    if isinstance(answer, str):
        print(answer)
    elif "output" in options or "query" in options:
        show(answer, options)


if __name__ == "__main__":
    main()
