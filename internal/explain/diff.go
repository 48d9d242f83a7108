package explain

// A line of a difference: ' ' for one that stays, '-' and '+'.
type line struct {
	sign byte
	text string
}

// maxTable bounds the memory for comparing hostile command lines.
const maxTable = 1 << 22

// diff compares two lists with as few changes as there can be; very long ones
// are shown as a whole.
func diff(before, after []string) []line {
	if len(before)*len(after) > maxTable {
		var lines []line
		for _, text := range before {
			lines = append(lines, line{'-', text})
		}
		for _, text := range after {
			lines = append(lines, line{'+', text})
		}
		return lines
	}
	// common[i][j] is how many lines before[i:] and after[j:] share.
	common := make([][]int, len(before)+1)
	for i := range common {
		common[i] = make([]int, len(after)+1)
	}
	for i := len(before) - 1; i >= 0; i-- {
		for j := len(after) - 1; j >= 0; j-- {
			if before[i] == after[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var lines []line
	i, j := 0, 0
	for i < len(before) || j < len(after) {
		switch {
		case i < len(before) && j < len(after) && before[i] == after[j]:
			lines = append(lines, line{' ', before[i]})
			i, j = i+1, j+1
		case j == len(after) || i < len(before) && common[i+1][j] >= common[i][j+1]:
			lines = append(lines, line{'-', before[i]})
			i++
		default:
			lines = append(lines, line{'+', after[j]})
			j++
		}
	}
	return lines
}
