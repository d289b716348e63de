#!/bin/bash
# Runs every test target in a process of its own, one after the other, each with a time limit: a target that hangs is
# named, and two cores are not shared by a hundred sockets of another. Prints each runner's closing line and a sum.
#   Tests/run-suites.sh [TARGET …]        SUITE_SECONDS=1200 limits one target
set -uo pipefail
cd "$(dirname "$0")/.."

targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
    mapfile -t targets < <(ls -d Tests/*Tests | xargs -n 1 basename)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 broken=()

# What failed, each with the lines that follow it: what a test printed to explain itself.
evidence() {
    awk '/^(✘|.*error:|.*Fatal)/ { shown = 40 }  /^(◇|✔)/ { shown = 0 }  shown-- > 0 { print substr($0, 1, 2000) }' "$1"
}

for target in "${targets[@]}"; do
    echo "── $target"
    # Real processes share the cores: only a few of those tests at a time.
    [[ $target == EndToEndTests ]] && export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=3
    timeout --kill-after=10 "${SUITE_SECONDS:-1200}" swift test --skip-build --filter "^$target\." </dev/null >"$log" 2>&1
    status=$?
    unset SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH
    closing=$(grep -E 'Test run with [0-9]+ test' "$log" | tail -n 1)
    count=$(sed -E 's/.*with ([0-9]+) tests?.*/\1/' <<<"${closing:-with 0 tests}")
    if [[ $status -eq 0 && $count -gt 0 ]]; then
        passed=$((passed + count))
    else
        bad=$(grep -E '^✘ Test .* failed after' "$log" | grep -cv '^✘ Test run with')
        failed=$((failed + (bad > 0 ? bad : 1))) passed=$((passed + (count > bad ? count - bad : 0)))
        broken+=("$target")
        evidence "$log" | head -n 200
        [[ $status -eq 124 || $status -eq 137 ]] && echo "$target did not end within ${SUITE_SECONDS:-1200} s; its last lines:" && tail -n 15 "$log"
    fi
    echo "${closing:-$target: no closing line, exit status $status}"
done

[[ ${#broken[@]} -gt 0 ]] && echo "Failed: ${broken[*]}"
echo "$passed passed, $failed failed"
[[ ${#broken[@]} -eq 0 ]]
