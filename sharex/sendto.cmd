@echo off
rem "Send to" entry: uploads each file to HOST and puts the addresses on the clipboard. Needs curl.exe 7.76 or newer.
setlocal DisableDelayedExpansion
set "answer=%TEMP%\bowerbird-%RANDOM%-answer.txt"
set "addresses=%TEMP%\bowerbird-%RANDOM%-addresses.txt"
set "failed="
type nul > "%addresses%"
:next
if "%~1"=="" goto done
curl.exe -gsS --fail-with-body -H "Authorization: Bearer TOKEN" -H "Accept: text/plain" -T "%~1" -o "%answer%" "https://HOST/api/upload/"
if errorlevel 1 goto refused
type "%answer%" >> "%addresses%"
echo.>> "%addresses%"
goto shift
:refused
set "failed=1"
echo Not uploaded: "%~1"
if exist "%answer%" type "%answer%"
echo.
:shift
if exist "%answer%" del "%answer%"
shift
goto next
:done
clip < "%addresses%"
type "%addresses%"
del "%addresses%"
if defined failed pause
rem Windows hands over a name with "&" and no space unquoted: cmd would run what stands behind it. So cmd ends here.
exit
