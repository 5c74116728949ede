select name, count(*) as readings, round(avg(value), 2) as mean_value from my_table group by name order by readings desc, name limit 8
