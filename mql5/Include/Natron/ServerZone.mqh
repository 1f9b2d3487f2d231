// The broker's server time to UTC.
#include "Settings.mqh"

class CServerZone
  {
private:
   //--- midnight UTC of the n-th Sunday of a month; n 0: the last one
   static long       Sunday(const int year,const int month,const int n)
     {
      MqlDateTime day;
      long first=Days(year,month)*86400;
      TimeToStruct((datetime)first,day);
      long sunday=first+(long)((7-day.day_of_week)%7)*86400;
      if(n>0)
         return(sunday+(long)(n-1)*7*86400);
      while(sunday+7*86400<Days(month==12 ? year+1 : year,month==12 ? 1 : month+1)*86400)
         sunday+=7*86400;
      return(sunday);
     }
   //--- days from 1970 to the first of a month
   static long       Days(const int year,const int month)
     {
      int lengths[]={31,28,31,30,31,30,31,31,30,31,30,31};
      int before=year-1;
      long days=(long)365*(year-1970)+(before/4-before/100+before/400)-(1969/4-1969/100+1969/400);
      for(int at=1; at<month; at++)
         days+=lengths[at-1]+(at==2 && ((year%4==0 && year%100!=0) || year%400==0) ? 1 : 0);
      return(days);
     }
   static bool       Summer(const long utc_s,const ENUM_NATRON_ZONE zone)
     {
      MqlDateTime now;
      TimeToStruct((datetime)utc_s,now);
      if(zone==ZONE_EU)
         return(utc_s>=Sunday(now.year,3,0)+3600 && utc_s<Sunday(now.year,10,0)+3600);
      return(utc_s>=Sunday(now.year,3,2)+7*3600 && utc_s<Sunday(now.year,11,1)+6*3600);
     }

public:
   static long       Utc(const datetime server,const SNatronSettings &s)
     {
      if(s.zone==ZONE_FIXED)
         return((long)server-3600*(long)s.zone_hours);
      long summer=(long)server-3*3600;
      return(Summer(summer,s.zone) ? summer : (long)server-2*3600);
     }
   //--- whether the server's time is now what the zone says
   static bool       Fits(const SNatronSettings &s)
     {
      long difference=Utc(TimeTradeServer(),s)-(long)TimeGMT();
      return(difference<600 && difference>-600);
     }
  };
