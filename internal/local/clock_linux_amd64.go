package local

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A process asks the time of functions in a page that the kernel maps into it,
// the vDSO. So its clock is set by writing other functions to that page, of
// which the first write makes a copy for this process alone: they make the real
// system call and add what the clock is to be ahead.
//
// Only CLOCK_REALTIME is set, not CLOCK_MONOTONIC: a process hands deadlines by
// that one back to the kernel, which knows of no jump, and would wait for it.

// aheadCode are the functions, and at its end the number of seconds that they
// add:
//
//	clock_gettime: mov eax,228; syscall; test eax,eax; jne 1; test edi,edi; je 2
//	               cmp edi,5; jne 1; 2: mov rcx,[ahead]; add [rsi],rcx; 1: ret
//	gettimeofday:  mov eax,96; syscall; test eax,eax; jne 1; test rdi,rdi; je 1
//	               mov rcx,[ahead]; add [rdi],rcx; 1: ret
//	time:          mov eax,201; syscall; add rax,[ahead]; test rdi,rdi; je 1
//	               mov [rdi],rax; 1: ret
const aheadCode = "" +
	"\xb8\xe4\x00\x00\x00\x0f\x05\x85\xc0\x75\x13\x85\xff\x74\x05\x83\xff\x05\x75\x0a\x48\x8b\x0d\x36\x00\x00\x00\x48\x01\x0e\xc3" +
	"\xb8\x60\x00\x00\x00\x0f\x05\x85\xc0\x75\x0f\x48\x85\xff\x74\x0a\x48\x8b\x0d\x1b\x00\x00\x00\x48\x01\x0f\xc3" +
	"\xb8\xc9\x00\x00\x00\x0f\x05\x48\x03\x05\x09\x00\x00\x00\x48\x85\xff\x74\x03\x48\x89\x07\xc3"

// aheadEntries are where they begin.
var aheadEntries = map[string]int{"__vdso_clock_gettime": 0, "__vdso_gettimeofday": 31, "__vdso_time": 58}

// aheadSize is how much room they need, with the number.
const aheadSize = len(aheadCode) + 8

// jumpSize is the size of the jump that is written over the old ones.
const jumpSize = 5

// setClocks sets the clocks of all processes, which are frozen, ahead.
func (s *stage) setClocks(ahead time.Duration) error {
	for _, pid := range s.namespace.others(s.keeper) {
		err := s.namespace.setClock(pid, int64(ahead/time.Second))
		if err != nil && s.namespace.has(pid) {
			return fmt.Errorf("clock of process %d: %w", pid, err)
		}
	}
	return nil
}

// errElsewhere is about a process that is not in the namespace, or not any more.
var errElsewhere = errors.New("it is not in the namespace")

// setClock sets the clock of the process ahead, if it is in the namespace.
func (n *namespace) setClock(pid int, seconds int64) error {
	mem, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer mem.Close()
	// Only now: the file means this process, whoever gets its id. That nobody in
	// the namespace got it before is sure, since all there are frozen.
	if !n.has(pid) {
		return errElsewhere
	}
	start, size, err := vdsoOf(pid)
	if err != nil {
		return err
	}
	image := make([]byte, size)
	if _, err := mem.ReadAt(image, start); err != nil {
		return err
	}
	at := len(image) - aheadSize
	if at < 0 {
		return errors.New("its vDSO has no room")
	}
	number := binary.LittleEndian.AppendUint64(nil, uint64(seconds))
	if string(image[at:len(image)-8]) == aheadCode {
		_, err := mem.WriteAt(number, start+int64(len(image)-8))
		return err
	}
	jumps, err := aheadJumps(image, at)
	if err != nil {
		return err
	}
	if err := outside(pid, start, jumps); err != nil {
		return err
	}
	if _, err := mem.WriteAt(append([]byte(aheadCode), number...), start+int64(at)); err != nil {
		return err
	}
	for offset, jump := range jumps {
		if _, err := mem.WriteAt(jump, start+int64(offset)); err != nil {
			return err
		}
	}
	return nil
}

// maxVDSO is several times what kernels have, in bytes.
const maxVDSO = 64 << 10

// vdsoOf returns where the vDSO of the process is.
func vdsoOf(pid int) (start int64, size int, err error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(maps)) {
		// A file's name could end like that, but not be like that.
		if fields := strings.Fields(line); len(fields) != 6 || fields[5] != "[vdso]" {
			continue
		}
		from, rest, _ := strings.Cut(line, "-")
		to, _, _ := strings.Cut(rest, " ")
		first, err := strconv.ParseInt(from, 16, 64)
		if err != nil {
			return 0, 0, err
		}
		last, err := strconv.ParseInt(to, 16, 64)
		if err != nil {
			return 0, 0, err
		}
		if last-first > maxVDSO {
			return 0, 0, errors.New("its vDSO is larger than any")
		}
		return first, int(last - first), nil
	}
	return 0, 0, errors.New("it has no vDSO")
}

// aheadJumps returns the jumps to the code at the offset at in the image of a
// vDSO, by the offset where they are to be.
func aheadJumps(image []byte, at int) (map[int][]byte, error) {
	file, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return nil, err
	}
	if file.Machine != elf.EM_X86_64 {
		return nil, errors.New("it is no program for amd64") // but for its 32-bit forerunner
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return nil, err
	}
	if len(bytes.Trim(image[at:], "\x00")) > 0 {
		return nil, errors.New("its vDSO has no room")
	}
	jumps := make(map[int][]byte)
	for _, symbol := range symbols {
		entry, ok := aheadEntries[symbol.Name]
		offset := int(symbol.Value)
		if !ok || symbol.Size < jumpSize || offset > at-jumpSize {
			continue
		}
		distance := int32(at + entry - (offset + jumpSize))
		jumps[offset] = binary.LittleEndian.AppendUint32([]byte{0xe9}, uint32(distance))
	}
	if len(jumps) != len(aheadEntries) {
		return nil, errors.New("its vDSO lacks a function")
	}
	return jumps, nil
}

// outside returns an error if a thread is in the middle of what the jumps are
// written over.
func outside(pid int, start int64, jumps map[int][]byte) error {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
	if err != nil {
		return err
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			return err
		}
		fields := strings.Fields(string(text))
		if len(fields) == 0 {
			continue // it is just ending
		}
		pc, err := strconv.ParseInt(fields[len(fields)-1], 0, 64)
		if err != nil {
			return fmt.Errorf("a thread is %q", text)
		}
		for offset := range jumps {
			if from := start + int64(offset); pc > from && pc < from+jumpSize {
				return errors.New("a thread is asking for the time")
			}
		}
	}
	return nil
}
