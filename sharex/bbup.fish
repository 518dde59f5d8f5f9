# The token goes to curl by standard input: on the command line every user of the machine could read it.
function bbup --description 'Upload files to HOST and print their addresses'
    for file in $argv
        set -l path $file
        if string match -q -- '-*' $path # it would be an option
            set path ./$path
        end
        set -l answer (printf '%s\n' 'Authorization: Bearer TOKEN' | curl -gsS --fail-with-body -H @- \
            -H 'Accept: text/plain' -T $path 'https://HOST/api/upload/' 2>&1)
        if test $status -ne 0
            # of a refusal the server's sentence alone; curl(22) precedes it with its status
            printf '%s: %s\n' $file (printf '%s\n' $answer | sed -E -e '/^curl: \(22\)/d' -e 's/^\{"error": ?"(([^"\\\\]|\\\\.)*)".*/\1/' | string collect) >&2
            return 1
        end
        printf '%s\n' $answer
    end
end
