//go:build linux

package main

var deliveryFaults, endpointFaults, programFaults, machineFaults []fault

func panickingMachine() machine { return thisMachine() }
