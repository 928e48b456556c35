"""A shell, files and the environment through a filter. What a filter's own language can say, its sandbox must stop."""

from tests.security.attack import Attack, End, contained, refused

_TEXT = "version --client"
_JSON = "version --client -o json"
"""Both ask nobody, and so take half the time of a `get`."""


def _refused(end: End = End.HARMLESS, **filters: str) -> tuple[Attack, ...]:
    """Below the gateway the worker has no such filter, or what it has is contained."""
    return refused(below=end, **{name: f"{_TEXT} | {text}" for name, text in filters.items()})


def _contained(before: str, **filters: str) -> tuple[Attack, ...]:
    """The gateway lets these pass as they are."""
    return tuple(
        contained(name.replace("_", "-"), f"{before} | {text}", End.HARMLESS) for name, text in filters.items()
    )


ROWS = (
    *_refused(
        End.FAILED,
        shell="sh",
        shell_glued="sh -c @PROGRAM@",
        shell_with_a_path="/bin/sh -c @PROGRAM@",
        shell_in_quotes="'s'h -c @PROGRAM@",
        shell_in_busybox="busybox sh",
        program="@PROGRAM@",
        xargs="xargs @PROGRAM@",
        env="env @PROGRAM@",
        environment="env",
        python="python3 -c 'import os'",
        perl="perl -e 'exec q(id)'",
        tee="tee @MARKS@/x",
        cat="cat @FOLDER@/secret.txt",
        filter_with_a_path="/usr/bin/sort",
        filter_beside="./sort",
        filter_in_upper_case="SORT",
        second_shell="head -1 | sh",
        kubectl="kubectl delete pods --all",
    ),
    *_refused(
        sort_program="sort --compress-program=@PROGRAM@",
        sort_program_as_word="sort --compress-program @PROGRAM@",
        sort_output="sort -o @MARKS@/x",
        sort_output_glued="sort -o@MARKS@/x",
        sort_output_in_a_cluster="sort -ro @MARKS@/x",
        sort_output_long="sort --output=@MARKS@/x",
        sort_elsewhere="sort -T @MARKS@",
        sed_in_place="sed -i s/a/b/ @FOLDER@/secret.txt",
        sed_in_place_long="sed --in-place=x s/a/b/ @FOLDER@/secret.txt",
        yq_in_place="yq -i '.a=1' @FOLDER@/values.yaml",
        yq_program="""yq -n --security-enable-system-operator 'system("@PROGRAM@")'""",
        tail_that_follows="tail -f @FOLDER@/secret.txt",
        environment_of_a_process="head /proc/self/environ",
        environment_of_another="head ../../../../proc/1/environ",
        memory="grep -ra . /proc/1/mem",
        descriptors="grep -ra . /dev/fd",
        jq_file_in_proc="jq -n --rawfile x /proc/self/environ '$x'",
        eight_shells=" | ".join(["head"] * 8 + ["sh"]),
    ),
    *_contained(
        _TEXT,
        awk_system="""awk 'BEGIN{system("@PROGRAM@")}'""",
        awk_pipe="""awk '{print | "@PROGRAM@"}'""",
        awk_getline="""awk 'BEGIN{"@PROGRAM@" | getline x; print x}'""",
        awk_shell="""awk 'BEGIN{print "@PROGRAM@" | "/bin/sh"}'""",
        awk_writes="""awk '{print > "@MARKS@/x"}'""",
        awk_appends="""awk '{print >> "@MARKS@/x"}'""",
        awk_reads="""awk 'BEGIN{while ((getline l < "@FOLDER@/secret.txt") > 0) print l}'""",
        awk_operand="awk 1 @FOLDER@/secret.txt",
        awk_program_file="awk -f @FOLDER@/secret.txt",
        awk_environment="""awk 'BEGIN{for (k in ENVIRON) print ENVIRON[k]}'""",
        awk_network="""awk 'BEGIN{print "x" |& "/inet/tcp/0/127.0.0.1/@INSIDE_PORT@"}'""",
        awk_proc="""awk 'BEGIN{while ((getline l < "/proc/self/environ") > 0) print l}'""",
        awk_library="awk -l @FOLDER@/x 1",
        sed_executes="sed '1e @PROGRAM@'",
        sed_executes_lines="sed 's|.*|@PROGRAM@|e'",
        sed_writes="sed -n 'w @MARKS@/x'",
        sed_reads="sed 'r @FOLDER@/secret.txt'",
        sed_reads_lines="sed 'R @FOLDER@/secret.txt'",
        sed_script_file="sed -f @FOLDER@/secret.txt",
        sed_in_place_abbreviated="sed --in-pl=x s/a/b/ @FOLDER@/secret.txt",
        sort_program_abbreviated="sort -S 1k --compress-pro=@PROGRAM@",
        sort_output_abbreviated="sort --outp=@MARKS@/x",
        sort_names_from_a_file="sort --files0-from=@FOLDER@/secret.txt",
        sort_operand="sort @FOLDER@/secret.txt",
        sort_random_source="sort -R --random-source=@FOLDER@/secret.txt",
        grep_folder="grep -r . @FOLDER@",
        grep_patterns="grep -f @FOLDER@/secret.txt",
        head_operand="head @FOLDER@/secret.txt",
        tail_follows_abbreviated="tail --fol=name -n +1 @FOLDER@/secret.txt",
        cut_operand="cut -c1- @FOLDER@/secret.txt",
        column_operand="column @FOLDER@/secret.txt",
        wc_names_from_a_file="wc --files0-from=@FOLDER@/secret.txt",
        uniq_writes="uniq - @MARKS@/x",
        uniq_reads="uniq @FOLDER@/secret.txt",
        yq_load="""yq -n 'load("@FOLDER@/values.yaml")'""",
        yq_load_text="""yq -n 'load_str("@FOLDER@/secret.txt")'""",
        yq_environment="yq -n 'strenv(CANARY)'",
        yq_splits="""yq --split-ex '"@MARKS@/x"' .""",
    ),
    *_contained(
        _JSON,
        jq_environment="jq -n '$ENV'",
        jq_environment_function="jq -n env",
        jq_slurps="jq --slurpfile x @FOLDER@/secret.txt '$x'",
        jq_raw_file="jq -r --rawfile x @FOLDER@/secret.txt '$x'",
        jq_operand="jq -R . @FOLDER@/secret.txt",
        jq_program_file="jq -f @FOLDER@/secret.txt",
        jq_module="""jq -L @FOLDER@ 'include "secret"; .'""",
        jq_module_by_path="""jq 'import "@FOLDER@/secret" as $x; $x'""",
        jq_input_name="jq -n 'input_filename, (try input_line_number catch 0), $__loc__'",
    ),
)
