package testbed

import (
	"context"
	"errors"
	"sync"
)

// fetchers is how many things FetchAll makes at once.
const fetchers = 3

// FetchAll fetches everything the test bed knows, whatever b.Fetch says, and
// returns what went wrong, each joined. One thing that cannot be had does not
// keep the others from being fetched.
func (b *Bed) FetchAll(ctx context.Context) error {
	all := &Bed{Cache: b.Cache, Fetch: true, Log: b.Log}
	jobs := []func() error{
		// The builds first: they take longest, and on the processor.
		func() error { _, err := all.nodeClient4(ctx); return err },
		func() error { _, err := all.nodeClient3(ctx); return err },
		func() error { _, err := all.RIE(ctx); return err },
		func() error { _, err := all.Botocore(ctx); return err },
	}
	for _, tool := range awsTools {
		jobs = append(jobs, func() error { _, err := all.pythonTool(ctx, tool); return err })
	}
	for _, name := range all.Names() {
		jobs = append(jobs, func() error { _, err := all.Runtime(ctx, name); return err })
	}

	errs := make([]error, len(jobs))
	next := make(chan int)
	var wg sync.WaitGroup
	for range fetchers {
		wg.Go(func() {
			for i := range next {
				errs[i] = jobs[i]()
			}
		})
	}
	for i := range jobs {
		next <- i
	}
	close(next)
	wg.Wait()
	return errors.Join(errs...)
}
