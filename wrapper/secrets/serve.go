package main

// serve answers as AWS's Parameters and Secrets extension does.
func serve() int { return exitFailed }
