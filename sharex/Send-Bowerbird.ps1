# Send-Bowerbird FILE...: uploads each file to HOST and returns its address. For Windows PowerShell 5.1 and PowerShell 7.
function Send-Bowerbird {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true, ValueFromRemainingArguments = $true)]
        [Alias('FullName')]
        [string[]] $Path
    )
    begin {
        # .NET Framework before 4.7 offers no TLS 1.2 by itself; where it asks the system (0) it is left alone.
        if ([int][Net.ServicePointManager]::SecurityProtocol -ne 0) {
            [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor 3072
        }
    }
    process {
        foreach ($one in $Path) {
            try {
                $file = Get-Item -LiteralPath $one -ErrorAction Stop
                # The bytes themselves: -InFile reads its name as a pattern, and 5.1 has no -Form.
                $request = @{
                    Method          = 'Put'
                    Uri             = 'https://HOST/api/upload/' + [Uri]::EscapeDataString($file.Name)
                    Headers         = @{ Authorization = 'Bearer TOKEN' }
                    ContentType     = 'application/octet-stream'
                    Body            = [IO.File]::ReadAllBytes($file.FullName)
                    UseBasicParsing = $true
                }
                (Invoke-RestMethod @request).url
            } catch {
                $told = $_.Exception.Message
                if ($_.ErrorDetails -and $_.ErrorDetails.Message) {
                    try { $told = (ConvertFrom-Json $_.ErrorDetails.Message).error } catch { $told = $_.Exception.Message }
                }
                Write-Error -Message ('{0}: {1}' -f $one, $told)
            }
        }
    }
}
