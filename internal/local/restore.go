package local

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Restore lets a snap-start function go on from its snapshot, as Lambda does
// before the first invocation, and returns when its runtime asks for an event.
// It does nothing if that has been done; without a Restore the first Invoke
// does it.
//
// The snapshot is the init itself, frozen with all its processes: memory, disk
// and identifiers are what they were, but there is one environment only. Unless
// [Environment.Advance] moves it, the clock has gone on as it does.
//
// The error is a [RestoreError] if the runtime reports one, ends, or takes
// longer than RestoreTimeout. The environment is down then, and the next
// invocation starts it anew, snapshot and restore included.
func (e *Environment) Restore(ctx context.Context) error {
	if e.function.InitType != SnapStart {
		return fmt.Errorf("restore: the init type is %s, not %s", e.function.InitType, SnapStart)
	}
	if err := e.acquire(ctx); err != nil {
		return err
	}
	defer func() { <-e.slot }()
	if e.Phase() != PhaseSnapshotted {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.live, cancel)()
	if err := e.restoreFor(ctx); err != nil {
		return err
	}
	return e.rest()
}

// acquire takes one place.
func (e *Environment) acquire(ctx context.Context) error {
	select {
	case e.slot <- struct{}{}:
	case <-e.live.Done():
		return ErrNotRunning
	case <-ctx.Done():
		return ctx.Err()
	}
	if e.live.Err() != nil {
		<-e.slot
		return ErrNotRunning
	}
	return nil
}

// snapshot freezes an environment whose init is done.
func (e *Environment) snapshot() error {
	if err := e.freeze(); err != nil {
		return err
	}
	e.enter(PhaseSnapshotted)
	return nil
}

// restoreFor makes a restore outside of an invocation, and gets over its failure.
func (e *Environment) restoreFor(ctx context.Context) error {
	err := e.restore(ctx)
	if err == nil {
		return nil
	}
	if e.live.Err() != nil {
		return ErrNotRunning // Stop ends all
	}
	failed := &RestoreError{Name: "SnapStartException"}
	why := failure
	var found *fault
	switch {
	case errors.As(err, &found):
		failed.Type, failed.Message, failed.Body = found.errorType, found.message, found.body
		err = failed
	case ctx.Err() == nil:
		why = timeout
		failed.Name, failed.Type = "SnapStartTimeoutException", "Runtime.RestoreHookUserTimeout"
		failed.Message = fmt.Sprintf("restore took longer than %v", e.function.RestoreTimeout)
		err = failed
	}
	return errors.Join(err, e.reset(e.patient, why))
}

// restore lets a snapshot go on. On an error the phase stays restoring.
func (e *Environment) restore(ctx context.Context) error {
	e.enter(PhaseRestoring)
	ctx, cancel := context.WithTimeout(ctx, e.function.RestoreTimeout)
	defer cancel()
	g, begin := e.now(), time.Now()
	g.restoreStarted()
	e.unfreeze()
	err := g.restore(ctx)
	took := time.Since(begin)
	g.restoreDone(took, err)
	e.mu.Lock()
	e.restoreTook = took
	e.mu.Unlock()
	if err == nil {
		e.enter(PhaseReady)
	}
	return err
}

// RestoreDuration returns how long the last restore took; 0 if there was none.
func (e *Environment) RestoreDuration() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.restoreTook
}

// restore tells a runtime that asked for it of the restore, and returns when it
// asks for an event. One that did not ask does that already.
func (g *generation) restore(ctx context.Context) error {
	g.mu.Lock()
	if g.state == restoreReady {
		g.state = restoring
		g.note()
	}
	g.mu.Unlock()
	return g.reach(ctx, func() bool { return g.state == ready })
}

// restoreNext ends the init of the runtime, and waits for the restore.
func (g *generation) restoreNext(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	if g.state != started {
		g.refuse(w, ready) // AWS's own does not say RestoreReady
		g.mu.Unlock()
		return
	}
	g.sealed = true
	g.state = restoreReady
	g.note()
	g.mu.Unlock()
	err := g.until(r.Context(), func() bool { return g.state != restoreReady })
	if errors.Is(err, errEnded) {
		panic(http.ErrAbortHandler)
	}
}

// restoreError takes the error that the runtime could not be restored with.
func (g *generation) restoreError(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	if g.state != restoring {
		g.refuse(w, restoreFailed)
		g.mu.Unlock()
		return
	}
	g.state = restoreFailed
	g.mu.Unlock()
	g.failRuntime(w, r, "restore error", func(header, _ string) string { return errorType(header) })
}

// credentials serves the credentials to those who know the token.
func credentials(token string) func(*generation, http.ResponseWriter, *http.Request) {
	return func(_ *generation, w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(token)) == 0 {
			http.Error(w, "cannot get credentials for the provided token", http.StatusNotFound)
			return
		}
		_ = json.NewEncoder(w).Encode(struct {
			AccessKeyID     string `json:"AccessKeyId"`
			SecretAccessKey string
			Token           string
			Expiration      time.Time
		}{credential, credential, credential, time.Now().Add(6 * time.Hour).UTC()})
	}
}
