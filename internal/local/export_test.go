package local

// FreezeBy has f frozen by a cgroup of this file system, or by signals if it is "".
func FreezeBy(f *Function, fstype string) { f.freezers = []string{fstype} }
